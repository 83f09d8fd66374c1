;;; aid-documents.el --- AID's view of the buffers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; The daemon knows the text of each buffer in `aid-mode' as it stands, saved or not.  Whether a
;; buffer changed since the daemon was told is asked of its modification tick, so no change can be
;; missed; the whole text is sent, before anything is asked and when Emacs is idle.
;;
;; An edit by the daemon names the version it was made from.  A buffer that has moved on refuses it.

;;; Code:

(require 'flymake)
(require 'aid-client)

(cl-defstruct aid-document
  "What the daemon was told of a buffer: TICK is the buffer's when it was told VERSION."
  connection uri version tick)

(defvar-local aid--document nil
  "What the daemon was told of this buffer, or nil.")

(defvar-local aid--report nil
  "Where flymake wants this buffer's diagnostics.")

(defun aid--text ()
  "Return the text of the current buffer.
Bytes that are no character can't be sent: something else, which fits no file, stands for each."
  (save-restriction
    (widen)
    (replace-regexp-in-string "[\x3fff80-\x3fffff]" "\ufffd" (buffer-substring-no-properties (point-min) (point-max)) t t)))

(defun aid--buffers (connection)
  "Return the buffers that the daemon knows by CONNECTION."
  (seq-filter (lambda (buffer)
                (let ((document (buffer-local-value 'aid--document buffer)))
                  (and document (eq connection (aid-document-connection document)))))
              (buffer-list)))

(defun aid--buffer-of (connection uri)
  "Return the buffer that the daemon knows by CONNECTION as URI, or nil."
  (seq-find (lambda (buffer) (equal uri (aid-document-uri (buffer-local-value 'aid--document buffer))))
            (aid--buffers connection)))

;;; Telling

(defun aid--open ()
  "Tell the daemon of this buffer, connecting if need be."
  (let ((connection (aid-connect aid-root)) (buffer (current-buffer)))
    (aid--when-ready connection
                     (lambda ()
                       (when (buffer-live-p buffer)
                         (with-current-buffer buffer
                           (aid--open-on connection)))))))

(defun aid--open-on (connection)
  "Tell the daemon of this buffer by CONNECTION, once."
  (unless (and aid--document (eq connection (aid-document-connection aid--document)))
    (let ((uri (aid--path-to-uri buffer-file-name)))
      (setq aid--document (make-aid-document :connection connection :uri uri :version 1
                                             :tick (buffer-chars-modified-tick)))
      (jsonrpc-notify connection :textDocument/didOpen
                      (list :textDocument
                            (list :uri uri :version 1 :text (aid--text)
                                  :languageId (replace-regexp-in-string
                                               "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode)))))
      (aid--report-diagnostics))))

(defun aid--close ()
  "Tell the daemon that this buffer is no longer its business."
  (when aid--document
    (aid--notify :textDocument/didClose)
    (setq aid--document nil)))

(defun aid--notify (method &rest params)
  "Say METHOD of this buffer's document, with PARAMS beside its name."
  (let ((connection (aid-document-connection aid--document)))
    (when (jsonrpc-running-p connection)
      (jsonrpc-notify connection method `(:textDocument (:uri ,(aid-document-uri aid--document)) ,@params)))))

(defun aid--changed-p ()
  "Whether this buffer changed since the daemon was told."
  (/= (aid-document-tick aid--document) (buffer-chars-modified-tick)))

(defun aid--flush (connection)
  "Tell the daemon, by CONNECTION, of all that changed."
  (when (jsonrpc-running-p connection)
    (dolist (buffer (aid--buffers connection))
      (with-current-buffer buffer
        (when (aid--changed-p)
          (setf (aid-document-tick aid--document) (buffer-chars-modified-tick))
          (jsonrpc-notify connection :textDocument/didChange
                          (list :textDocument (list :uri (aid-document-uri aid--document)
                                                    :version (cl-incf (aid-document-version aid--document)))
                                :contentChanges (vector (list :text (aid--text))))))))))

(defun aid--flush-all ()
  "Tell the daemons of all that changed."
  (maphash (lambda (_ connection) (aid--flush connection)) aid--connections))

(add-hook 'aid-before-request-functions #'aid--flush)
(defvar aid--idle (run-with-idle-timer 0.5 t #'aid--flush-all)
  "Tells the daemon of changes although nothing is asked: others may ask it about the project.")

(defun aid--saved ()
  "Tell the daemon that this buffer was saved."
  (when aid--document
    (aid--flush (aid-document-connection aid--document))
    (aid--notify :textDocument/didSave)))

(defun aid--renamed ()
  "Tell the daemon that this buffer visits another file."
  (when aid--document
    (aid--close)
    (when buffer-file-name
      (aid--open))))

;;; Edits by the daemon

(define-error 'aid-refused "The edit can't be made")

(defun aid--refuse (format &rest arguments)
  "Refuse an edit: FORMAT and ARGUMENTS say why."
  (signal 'aid-refused (list (apply #'format format arguments))))

(defun aid--apply-edit (connection edit)
  "Make EDIT, a WorkspaceEdit, for CONNECTION: all of it or nothing.
Each buffer has one step more to undo; nothing is saved.  The value is the answer."
  (let ((changes (append (plist-get edit :documentChanges) nil)) (groups nil) (done nil))
    (unwind-protect
        (condition-case refused
            (progn
              (dolist (change changes) (aid--check-change connection change))
              (dolist (change changes) (setq groups (aid--make-change connection change groups)))
              (setq done t)
              '(:applied t))
          (error (list :applied :json-false :failureReason
                       (if (eq (car refused) 'aid-refused) (cadr refused) (error-message-string refused)))))
      (dolist (group groups)
        (when (buffer-live-p (caar group))
          (with-current-buffer (caar group)
            (when done (undo-amalgamate-change-group group))
            (funcall (if done #'accept-change-group #'cancel-change-group) group)
            (undo-boundary))))
      (run-at-time 0 nil #'aid--flush connection))))

(defun aid--check-change (connection change)
  "Refuse CHANGE, one of CONNECTION's documentChanges, where it can't be made."
  (let* ((document (plist-get change :textDocument))
         (version (plist-get document :version))
         (target (aid--uri-to-path (or (plist-get document :uri) (plist-get change :newUri) (plist-get change :uri))
                                   (slot-value connection 'root)))
         (buffer (and document (aid--buffer-of connection (plist-get document :uri)))))
    (when (and (member (plist-get change :kind) '("create" "rename")) (file-exists-p target))
      (aid--refuse "%s is there already" (file-name-nondirectory target)))
    (when version
      (unless buffer
        (aid--refuse "%s is no longer open: accept again" (file-name-nondirectory target)))
      (with-current-buffer buffer
        (cond ((or (aid--changed-p) (/= version (aid-document-version aid--document)))
               (aid--refuse "%s was edited meanwhile: accept again" (buffer-name)))
              (buffer-read-only
               (aid--refuse "%s is read-only: C-x C-q there, then accept again" (buffer-name)))
              ((not (or (buffer-modified-p) (verify-visited-file-modtime)))
               (aid--refuse "%s changed on disk: revert the buffer, then accept again" (buffer-name))))))))

(defun aid--make-change (connection change groups)
  "Make CHANGE, one of CONNECTION's documentChanges.
The value is GROUPS, change groups, with that of the buffer that was changed."
  (let* ((path (lambda (key) (aid--uri-to-path (plist-get change key) (slot-value connection 'root))))
         (document (plist-get change :textDocument)))
    (pcase (plist-get change :kind)
      ("create" (aid--write-empty (funcall path :uri)))
      ("delete" (aid--delete (funcall path :uri)))
      ("rename" (aid--rename (funcall path :oldUri) (funcall path :newUri)))
      (_ (let* ((uri (plist-get document :uri))
                (buffer (or (aid--buffer-of connection uri)
                            (find-file-noselect (aid--uri-to-path uri (slot-value connection 'root)) t))))
           (with-current-buffer buffer
             (unless (assq buffer (mapcar #'car groups))
               (undo-boundary)
               (push (prepare-change-group) groups)
               (activate-change-group (car groups)))
             (aid--edit (append (plist-get change :edits) nil))))))
    groups))

(defun aid--edit (edits)
  "Make EDITS, TextEdits, in the current buffer.  Point and markers stay with their text."
  (save-restriction
    (widen)
    (let ((places (mapcar (lambda (edit)
                            (let ((range (plist-get edit :range)))
                              (list (aid--position (plist-get range :start)) (aid--position (plist-get range :end))
                                    (plist-get edit :newText))))
                          edits)))
      (pcase-dolist (`(,start ,end ,text) (sort places (lambda (one other) (> (car one) (car other)))))
        (let ((source (generate-new-buffer " *aid edit*" t)))
          (unwind-protect
              (progn
                (with-current-buffer source (insert text))
                (save-excursion
                  (save-restriction
                    (narrow-to-region start end)
                    (replace-buffer-contents source 0.5))))
            (kill-buffer source)))))))

(defun aid--position (place)
  "Return the position in the current buffer of PLACE, an LSP Position in code points."
  (save-excursion
    (goto-char (point-min))
    (if (or (> (forward-line (plist-get place :line)) 0))
        (point-max)
      (min (+ (point) (plist-get place :character)) (line-end-position)))))

(defun aid--write-empty (path)
  "Make the file PATH."
  (make-directory (file-name-directory path) t)
  (write-region "" nil path nil 'silent nil 'excl))

(defun aid--delete (path)
  "Delete the file PATH, and the buffer that visits it."
  (let ((buffer (find-buffer-visiting path)))
    (when buffer
      (with-current-buffer buffer (set-buffer-modified-p nil))
      (kill-buffer buffer))
    (when (file-exists-p path) (delete-file path))))

(defun aid--rename (old new)
  "Rename the file OLD to NEW; a buffer that visits it goes with it."
  (make-directory (file-name-directory new) t)
  (rename-file old new)
  (let ((buffer (find-buffer-visiting old)))
    (when buffer
      (with-current-buffer buffer (set-visited-file-name new t t)))))

;;; The build's errors

(defun aid-flymake (report &rest _)
  "Give REPORT, flymake's, what the build says of this buffer, now and when that changes."
  (setq aid--report report)
  (aid--report-diagnostics))

(defun aid--report-diagnostics ()
  "Tell flymake what the build says of this buffer."
  (when (and aid--report aid--document flymake-mode)
    (let ((found (gethash (aid-document-uri aid--document)
                          (slot-value (aid-document-connection aid--document) 'diagnostics))))
      (save-restriction
        (widen)
        (funcall aid--report (mapcar #'aid--flymake-diagnostic found)
                 :region (cons (point-min) (point-max)))))))

(defun aid--flymake-diagnostic (found)
  "Return FOUND, an LSP Diagnostic of this buffer, as flymake's."
  (let* ((range (plist-get found :range))
         (start (aid--position (plist-get range :start)))
         (end (aid--position (plist-get range :end))))
    (when (<= end start)
      (setq end (min (point-max) (1+ start))
            start (min start (max (point-min) (1- end)))))
    (flymake-make-diagnostic (current-buffer) start end
                             (pcase (plist-get found :severity) (1 :error) (2 :warning) (_ :note))
                             (plist-get found :message))))

(defun aid--show-diagnostics (connection)
  "Tell flymake of what the daemon said on CONNECTION."
  (dolist (buffer (aid--buffers connection))
    (with-current-buffer buffer (aid--report-diagnostics))))

(add-hook 'aid-changed-functions #'aid--show-diagnostics)

(defun aid--others-show-errors-p ()
  "Whether another package shows this buffer's errors."
  (or (bound-and-true-p eglot--managed-mode) (bound-and-true-p lsp-mode) (bound-and-true-p flycheck-mode)))

(defun aid--use-flymake ()
  "Show the build's errors by flymake, unless another package shows errors here.
Where flymake was off, only the build's errors are shown."
  (unless (aid--others-show-errors-p)
    (if flymake-mode
        (add-hook 'flymake-diagnostic-functions #'aid-flymake nil t)
      (setq-local flymake-diagnostic-functions '(aid-flymake))
      (flymake-mode 1))
    (flymake-start)))

(provide 'aid-documents)
;;; aid-documents.el ends here
