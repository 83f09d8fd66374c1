;;; aid.el --- Changes by a local daemon, checked by the build  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: tools, convenience

;;; Commentary:

;; AID's daemon answers questions and proposes changes to a project; the project's own build has
;; said what it thinks of each before it is shown.
;;
;; `aid-chat' is a Markdown buffer to talk in.  Without it there are `aid-ask', `aid-edit-region' and
;; `aid-fix-error-at-point'.  `aid-menu' has every command; in `aid-mode' they have keys, on C-c ,
;; With `aid-global-mode' the files of every project are in AID's care: the build's errors show by
;; flymake, its state in the mode line, and the daemon knows text that isn't saved.

;;; Code:

(require 'compile)
(require 'aid-client)
(require 'aid-documents)
(require 'aid-proposal)
(require 'aid-chat)

(autoload 'aid-menu "aid-menu" nil t)

(defvar aid-command-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,key . ,command)
                   '(("," . aid-menu) ("c" . aid-chat) ("q" . aid-ask) ("x" . aid-fix-error-at-point)
                     ("w" . aid-edit-region) ("k" . aid-cancel) ("a" . aid-accept-all) ("f" . aid-accept-file)
                     ("h" . aid-accept-hunk) ("r" . aid-reject) ("n" . aid-next-hunk) ("p" . aid-previous-hunk)
                     ("d" . aid-diff) ("e" . aid-ediff) ("u" . aid-undo) ("U" . aid-redo) ("m" . aid-set-model)
                     ("R" . aid-append-region) ("D" . aid-append-defun) ("E" . aid-append-error)
                     ("V" . aid-append-diff) ("F" . aid-append-file)))
      (define-key map key command))
    map)
  "AID's commands, for a prefix of your own.")

(defvar aid-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c ,") aid-command-map)
    (define-key map [remap keyboard-quit] #'aid-quit)
    map)
  "Keys of `aid-mode'.")

;;;###autoload
(define-minor-mode aid-mode
  "Have this file in the care of AID's daemon."
  :lighter (:eval (aid--mode-line))
  (let ((hooks '((after-save-hook . aid--saved) (kill-buffer-hook . aid--close)
                 (change-major-mode-hook . aid--close) (after-set-visited-file-name-hook . aid--renamed))))
    (pcase-dolist (`(,hook . ,function) hooks)
      (if aid-mode (add-hook hook function nil t) (remove-hook hook function t)))
    (if (not aid-mode)
        (aid--close)
      (unless buffer-file-name
        (setq aid-mode nil)
        (user-error "This buffer is no file"))
      (setq aid-root (aid-root))
      (aid--open)
      (aid--use-flymake))))

(defun aid--turn-on ()
  "Turn `aid-mode' on in a file of a project, unless it can't be or isn't to be."
  (when (and aid-enable buffer-file-name (not (derived-mode-p 'aid-chat-mode))
             (aid--find-root default-directory) (executable-find (car aid-command) t))
    (aid-mode 1)))

;;;###autoload
(define-globalized-minor-mode aid-global-mode aid-mode aid--turn-on)

(defun aid--mode-line ()
  "Return the build's state and what is being done, for the mode line."
  (let* ((connection (and aid-root (aid--connection aid-root)))
         (build (and connection (slot-value connection 'build)))
         (status (and build (aid-protocol-build-changed-params-status build)))
         (errors (if build (aid-protocol-build-changed-params-errors build) 0))
         (progress (and connection (cdar (slot-value connection 'progress))))
         (said (cond ((null connection) "off")
                     ((null status) "")
                     ((equal status "running") "building")
                     ((> errors 0) (format "%d error%s" errors (if (= errors 1) "" "s")))
                     (t status))))
    (concat " AID" (if (string-empty-p said) "" ":")
            (propertize said 'face (pcase status ("green" 'success) ("red" 'error))
                        'help-echo (and build (aid-protocol-build-changed-params-badge build)))
            (if progress (concat " " (truncate-string-to-width (string-replace "%" "%%" progress) 40 nil nil "…")) ""))))

;;; Asking without the chat

(defvar aid--running nil
  "What is being asked without a chat: lists of root, buffer and a function that cancels.")

(defun aid--ask (params)
  "Ask by PARAMS, and show the answer in a window of its own."
  (let* ((root (aid-root)) (entry (list root (current-buffer) nil))
         (over (lambda () (setq aid--running (delq entry aid--running)))))
    (push entry aid--running)
    (setf (nth 2 entry)
          (aid-prompt root params #'ignore
                      (lambda (result) (funcall over) (aid--show root result))
                      (lambda (why) (funcall over) (message "AID: %s" why))))))

(defun aid--show (root result)
  "Show RESULT, of a prompt in the project at ROOT."
  (let ((prose (string-trim (aid-protocol-prompt-result-prose result)))
        (proposal (aid-protocol-prompt-result-proposal result))
        (reason (aid-protocol-prompt-result-reason result)))
    (when proposal
      (aid-proposal-view root proposal))
    (cond ((and proposal (string-empty-p prose)) (message "AID: %s" (aid-protocol-proposal-badge proposal)))
          ((string-empty-p prose) (message "AID: %s" (or reason "nothing was proposed")))
          (t (display-message-or-buffer (string-join (delq nil (list prose reason)) "\n\n") "*aid answer*")))))

(defun aid--file ()
  "Return the name of this buffer's file on its host, or nil."
  (and buffer-file-name (file-local-name buffer-file-name)))

(defun aid--lines (start end)
  "Return this file's lines from START to END as a FileRef."
  (list :path (or (aid--file) (user-error "This buffer is no file of a project"))
        :first (line-number-at-pos start t) :last (line-number-at-pos (max start (1- end)) t)))

;;;###autoload
(defun aid-ask (prompt)
  "Ask PROMPT about this project; the file at hand goes with it."
  (interactive "sAsk AID: ")
  (aid--ask (append (list :prompt prompt) (and buffer-file-name (list :files (vector (list :path (aid--file))))))))

;;;###autoload
(defun aid-edit-region (start end prompt)
  "Have the lines from START to END changed as PROMPT says, and no others."
  (interactive "r\nsChange these lines how? ")
  (aid--ask (list :prompt prompt :edit (aid--lines start end))))

;;;###autoload
(defun aid-fix-error-at-point ()
  "Have the error at point mended: the build's, flymake's, or one in a compilation buffer.
Where there is none, all that the build says of this file."
  (interactive)
  (pcase-let ((`(,path ,line ,text) (aid--error-at-point)))
    (aid--ask (append (list :fix `(:path ,(file-local-name path) ,@(and text (list :first line :last line))))
                      (and text (list :attachments (vector (list :title "the error" :text text))))))))

(defun aid--error-at-point ()
  "Return file, line and text of the error at point; the text is nil where there is none."
  (if (derived-mode-p 'compilation-mode 'compilation-minor-mode)
      (let* ((location (or (get-text-property (line-beginning-position) 'compilation-message)
                           (save-excursion (forward-line 0) (compilation-next-error 0))))
             (place (compilation--message->loc location))
             (file (caar (compilation--loc->file-struct place))))
        (list (expand-file-name file (or (cadar (compilation--loc->file-struct place)) default-directory))
              (compilation--loc->line place)
              (buffer-substring-no-properties (line-beginning-position) (aid--message-end))))
    (let ((found (and flymake-mode (flymake-diagnostics (line-beginning-position) (line-end-position)))))
      (list (or buffer-file-name (user-error "This buffer is no file of a project"))
            (line-number-at-pos nil t)
            (and found (mapconcat #'flymake-diagnostic-text found "\n"))))))

(defun aid--message-end ()
  "Return where the message at point ends: at the next one, or an empty line."
  (save-excursion
    (forward-line)
    (while (not (or (eobp) (looking-at-p "$") (get-text-property (point) 'compilation-message)))
      (forward-line))
    (point)))

(defun aid-cancel ()
  "Cancel all that is being asked in this project."
  (interactive)
  (let ((root (aid-root)))
    (pcase-dolist (`(,of ,_ ,cancel) aid--running)
      (when (equal of root) (funcall cancel)))
    (dolist (buffer (buffer-list))
      (with-current-buffer buffer
        (when (and (derived-mode-p 'aid-chat-mode) (equal aid-root root) aid-chat--cancel)
          (aid-chat-cancel))))))

(defun aid-quit ()
  "Cancel what was asked from this buffer, unless there is a region to leave; then quit."
  (interactive)
  (unless (region-active-p)
    (pcase-dolist (`(,_ ,buffer ,cancel) aid--running)
      (when (eq buffer (current-buffer)) (funcall cancel))))
  (keyboard-quit))

(defun aid-set-model (model)
  "Make MODEL the daemon's default."
  (interactive
   (let ((known (jsonrpc-request (aid-connect (aid-root)) :aid/models (list :workspace (aid--workspace (aid-root))))))
     (list (completing-read "Model: " (mapcar #'aid-protocol-model-entry-name
                                              (aid-protocol-models-result-models known)) nil t))))
  (aid-request (aid-root) :aid/setModel (list :model model :workspace (aid--workspace (aid-root)))
               (lambda (_) (message "AID: the model is %s" model))))

(provide 'aid)
;;; aid.el ends here
