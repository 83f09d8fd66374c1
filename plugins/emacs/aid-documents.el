;;; aid-documents.el --- AID's view of the buffers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; The daemon knows the text of each buffer in `aid-mode', saved or not.  Whether a buffer changed since it was told is
;; asked of the modification tick, so no change can be missed; the whole text is sent, before anything is asked and when
;; Emacs is idle.  An edit by the daemon names the version it was made from; a buffer that has moved on refuses it.

;;; Code:

(require 'flymake)
(require 'aid-client)

(cl-defstruct aid-document
  "What the daemon was told of a buffer: TICK is the buffer's as of VERSION."
  connection uri version tick)

(defvar-local aid--document nil "What the daemon was told of this buffer, or nil.")

(defvar-local aid--report nil "Where flymake wants this buffer's diagnostics.")

(defun aid--text ()
  "Return the text of this buffer.
Bytes that are no character can't be sent: another one stands for each."
  (save-restriction
    (widen)
    (replace-regexp-in-string "[\x3fff80-\x3fffff]" "\ufffd" (buffer-substring-no-properties 1 (point-max)) t t)))

(defun aid--buffers (connection &optional uri)
  "Return the buffers that the daemon knows by CONNECTION, or that one as URI."
  (seq-filter (lambda (buffer)
                (let ((document (buffer-local-value 'aid--document buffer)))
                  (and document (eq connection (aid-document-connection document))
                       (or (null uri) (equal uri (aid-document-uri document))))))
              (buffer-list)))

;;; Telling

(defun aid--open ()
  "Tell the daemon of this buffer, connecting if need be."
  (let ((connection (aid-connect aid-root)) (buffer (current-buffer)))
    (aid--when-ready connection
                     (lambda ()
                       (when (buffer-live-p buffer)
                         (with-current-buffer buffer (aid--open-on connection)))))))

(defun aid--open-on (connection)
  "Tell the daemon of this buffer by CONNECTION, once."
  (unless (and aid--document (eq connection (aid-document-connection aid--document)))
    (setq aid--document (make-aid-document :connection connection :uri (aid--path-to-uri buffer-file-name)
                                           :version 1 :tick (buffer-chars-modified-tick)))
    (aid--notify :textDocument/didOpen :languageId (aid--language) :version 1 :text (aid--text))
    (aid--report-diagnostics)))

(declare-function aid-mode "aid" (&optional argument))

(defun aid--adopt (connection)
  "Have all files of CONNECTION's project that are visited known to the daemon.
Those where `aid-mode' was turned off stay unknown."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (let ((root (slot-value connection 'root)))
        (cond ((bound-and-true-p aid-mode) (when (equal root aid-root) (aid--open-on connection)))
              ((and aid-enable buffer-file-name (not (local-variable-p 'aid-mode)) (not (derived-mode-p 'aid-chat-mode))
                    (string-prefix-p root (expand-file-name buffer-file-truename))
                    (equal root (aid--find-root default-directory)))
               (aid-mode 1)))))))

(defun aid--language ()
  "Return the name of this buffer's language."
  (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode)))

(defun aid--notify (method &rest fields)
  "Say METHOD of this buffer's document, with FIELDS beside its name."
  (when (and aid--document (jsonrpc-running-p (aid-document-connection aid--document)))
    (jsonrpc-notify (aid-document-connection aid--document) method
                    `(:textDocument (:uri ,(aid-document-uri aid--document) ,@fields)))))

(defun aid--close ()
  "Tell the daemon that this buffer is no longer its business."
  (aid--notify :textDocument/didClose)
  (setq aid--document nil))

(defun aid--saved ()
  "Tell the daemon that this buffer was saved."
  (when aid--document
    (aid--flush (aid-document-connection aid--document))
    (aid--notify :textDocument/didSave)))

(defun aid--renamed ()
  "Tell the daemon that this buffer visits another file."
  (aid--close)
  (when buffer-file-name (aid--open)))

(defun aid--changed-p ()
  "Whether this buffer changed since the daemon was told."
  (/= (aid-document-tick aid--document) (buffer-chars-modified-tick)))

(defun aid--flush (connection)
  "Tell the daemon, by CONNECTION, of all that changed."
  (dolist (buffer (and (jsonrpc-running-p connection) (aid--buffers connection)))
    (with-current-buffer buffer
      (when (aid--changed-p)
        (setf (aid-document-tick aid--document) (buffer-chars-modified-tick))
        (jsonrpc-notify connection :textDocument/didChange
                        `( :textDocument (:uri ,(aid-document-uri aid--document)
                                          :version ,(cl-incf (aid-document-version aid--document)))
                           :contentChanges [(:text ,(aid--text))]))))))

(defvar aid--idle (run-with-idle-timer 0.5 t (lambda () (mapc #'aid--flush (hash-table-values aid--connections))))
  "Tells of changes although nothing is asked here: others may ask.")

;;; Edits by the daemon

(defun aid--apply-edit (connection edit)
  "Make EDIT, a WorkspaceEdit, for CONNECTION: all of it or nothing.
Each buffer has one step more to undo; nothing is saved.  Return the answer."
  (let ((changes (append (plist-get edit :documentChanges) nil)) (groups nil) (done nil))
    (unwind-protect
        (condition-case refused
            (progn
              (dolist (change changes) (aid--check-change connection change))
              (dolist (change changes) (setq groups (aid--make-change connection change groups)))
              (setq done t)
              '(:applied t))
          (error (list :applied :json-false :failureReason (error-message-string refused))))
      (pcase-dolist (`(,buffer . ,group) groups)
        (when (buffer-live-p buffer)
          (with-current-buffer buffer
            (when done (undo-amalgamate-change-group group))
            (funcall (if done #'accept-change-group #'cancel-change-group) group)
            (undo-boundary))))
      (run-at-time 0 nil #'aid--flush connection))))

(defun aid--check-change (connection change)
  "Refuse CHANGE, one of CONNECTION's documentChanges, where it can't be made."
  (pcase-let* (((map :kind :uri :newUri :textDocument) change)
               (target (aid--uri-to-path (or newUri uri (plist-get textDocument :uri)) (slot-value connection 'root)))
               (name (file-name-nondirectory target))
               (buffer (car (aid--buffers connection (plist-get textDocument :uri)))))
    (when (and (member kind '("create" "rename")) (file-exists-p target))
      (error "%s is there already" name))
    (when (plist-get textDocument :version)
      (with-current-buffer (or buffer (error "%s is no longer open: accept again" name))
        (cond ((or (aid--changed-p) (/= (plist-get textDocument :version) (aid-document-version aid--document)))
               (error "%s was edited meanwhile: accept again" name))
              (buffer-read-only (error "%s is read-only: C-x C-q in its buffer, then accept again" name))
              ((not (or (buffer-modified-p) (verify-visited-file-modtime)))
               (error "%s changed on disk: M-x revert-buffer in its buffer, then accept again" name)))))))

(defun aid--make-change (connection change groups)
  "Make CHANGE, one of CONNECTION's documentChanges.
Return GROUPS, an alist from buffers to change groups, with that of its buffer."
  (pcase-let* (((map :kind :uri :oldUri :newUri :textDocument :edits) change)
               (path (lambda (uri) (aid--uri-to-path uri (slot-value connection 'root)))))
    (pcase kind
      ("create" (make-directory (file-name-directory (funcall path uri)) t)
       (write-region "" nil (funcall path uri) nil 'silent nil 'excl))
      ("delete" (let ((buffer (find-buffer-visiting (funcall path uri))))
                  (when buffer
                    (with-current-buffer buffer (set-buffer-modified-p nil))
                    (kill-buffer buffer))
                  (delete-file (funcall path uri))))
      ("rename" (let ((buffer (find-buffer-visiting (funcall path oldUri))))
                  (make-directory (file-name-directory (funcall path newUri)) t)
                  (rename-file (funcall path oldUri) (funcall path newUri))
                  (when buffer (with-current-buffer buffer (set-visited-file-name (funcall path newUri) t t)))))
      (_ (with-current-buffer (or (car (aid--buffers connection (plist-get textDocument :uri)))
                                  (find-file-noselect (funcall path (plist-get textDocument :uri)) t))
           (unless (assq (current-buffer) groups)
             (undo-boundary)
             (push (cons (current-buffer) (prepare-change-group)) groups)
             (activate-change-group (cdar groups)))
           (aid--edit (append edits nil)))))
    groups))

(defun aid--edit (edits)
  "Make EDITS, TextEdits, in this buffer; point and markers stay with their text."
  (save-restriction
    (widen)
    (let ((target (current-buffer))
          (places (mapcar (lambda (edit) (list (aid--region (plist-get edit :range)) (plist-get edit :newText))) edits)))
      (pcase-dolist (`((,start ,end) ,text) (sort places (lambda (one other) (> (caar one) (caar other)))))
        (with-temp-buffer
          (insert text)
          (let ((source (current-buffer)))
            (with-current-buffer target
              (save-excursion
                (save-restriction
                  (narrow-to-region start end)
                  (replace-buffer-contents source 0.5))))))))))

(defun aid--region (range)
  "Return start and end in this buffer of RANGE, an LSP Range in code points."
  (mapcar (lambda (place)
            (save-excursion
              (goto-char (point-min))
              (if (> (forward-line (plist-get place :line)) 0) (point-max)
                (min (+ (point) (plist-get place :character)) (line-end-position)))))
          (list (plist-get range :start) (plist-get range :end))))

;;; The build's errors

(defun aid-flymake (report &rest _)
  "Give REPORT, flymake's, this buffer's errors, now and when they change."
  (setq aid--report report)
  (aid--report-diagnostics))

(defun aid--report-diagnostics ()
  "Tell flymake of this buffer's errors."
  (when (and aid--report aid--document flymake-mode)
    (save-restriction
      (widen)
      (funcall aid--report
               (mapcar #'aid--flymake-diagnostic
                       (gethash (aid-document-uri aid--document)
                                (slot-value (aid-document-connection aid--document) 'diagnostics)))
               :region (cons (point-min) (point-max))))))

(defun aid--flymake-diagnostic (found)
  "Return FOUND, an LSP Diagnostic of this buffer, as flymake's."
  (pcase-let ((`(,start ,end) (aid--region (plist-get found :range))))
    (when (<= end start)
      (setq start (max (point-min) (min start (1- (point-max)))) end (min (point-max) (1+ start))))
    (flymake-make-diagnostic (current-buffer) start end
                             (pcase (plist-get found :severity) (1 :error) (2 :warning) (_ :note))
                             (plist-get found :message))))

(defun aid--show-diagnostics (connection)
  "Tell flymake of what came on CONNECTION."
  (dolist (buffer (aid--buffers connection)) (with-current-buffer buffer (aid--report-diagnostics))))

(defun aid--use-flymake ()
  "Show the build's errors by flymake, where no other package does that.
Where flymake was off, only the build's errors are shown."
  (unless (or (bound-and-true-p eglot--managed-mode) (bound-and-true-p lsp-mode) (bound-and-true-p flycheck-mode))
    (if flymake-mode (add-hook 'flymake-diagnostic-functions #'aid-flymake nil t)
      (setq-local flymake-diagnostic-functions '(aid-flymake))
      (flymake-mode 1))
    (flymake-start)))

(defun aid--leave-flymake ()
  "Show the build's errors no more."
  (when aid--report
    (remove-hook 'flymake-diagnostic-functions #'aid-flymake t)
    (when flymake-mode (funcall aid--report nil :region (cons (point-min) (point-max))))
    (setq aid--report nil)))

(provide 'aid-documents)
;;; aid-documents.el ends here
